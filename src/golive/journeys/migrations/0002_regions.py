from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('journeys', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='region',
            field=models.CharField(default='built-in', max_length=40),
        ),
        migrations.AddField(
            model_name='run',
            name='probe',
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddField(
            model_name='run',
            name='key',
            field=models.CharField(blank=True, db_index=True, max_length=32),
        ),
        migrations.AddField(
            model_name='run',
            name='place',
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AddField(
            model_name='run',
            name='judged',
            field=models.BooleanField(default=True),
        ),
    ]
